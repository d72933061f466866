"""What is kept of commands: tables, and the queries on them."""
