"""Runs on disk: stores that survive a crash, and files of a model's state."""
