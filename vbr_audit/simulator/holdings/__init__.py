"""All that the server holds beyond jobs and sessions: how each revision shows it, dataset by dataset."""
