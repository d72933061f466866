"""The verbs of `ostler`, a module for each capability."""
