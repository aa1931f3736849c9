"""The simulator: objects, what hides them, and the event camera that looks on."""
