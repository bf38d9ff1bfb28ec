"""What one resource of a run has to know of another, in their provider process."""
