"""Reading and writing NeuroML."""
