"""The differences between the classic and the modernized experience."""
