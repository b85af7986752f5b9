"""What became of each event: a view of attempts, dead letters and events in SQLite, rebuilt from the topics."""
