"""The command line, `pyhh-fast`: one file a command."""
