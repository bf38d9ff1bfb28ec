"""State that the resources of one run share in their provider process."""
