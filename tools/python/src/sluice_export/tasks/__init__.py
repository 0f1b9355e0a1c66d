"""What each task says in model.json, and its golden samples."""
