"""The command line `ostler`: a customer of the public API."""
