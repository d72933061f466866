"""What is kept of documents: heads, versions, with whom they are shared, and reviews."""
