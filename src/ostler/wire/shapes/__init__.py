"""Types of what requests and answers hold; generated, for type checkers only."""
