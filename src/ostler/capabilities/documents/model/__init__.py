"""Documents as values: names, versions, content, sharing, reviews."""
