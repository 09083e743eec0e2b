"""What a results file knows about one place: found without any window."""
