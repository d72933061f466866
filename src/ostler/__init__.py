"""Ostler: AWS Systems Manager that you run yourself."""
