"""Groups, streams and events of logs."""
