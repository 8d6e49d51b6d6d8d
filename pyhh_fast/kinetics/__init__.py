"""Where the rates of gates come from: built in, a user's function, or a table alone."""
