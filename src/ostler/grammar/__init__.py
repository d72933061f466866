"""The languages people write: documents, targets, rollouts, filters. Pure, without I/O."""
