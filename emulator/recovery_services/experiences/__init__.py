"""What differs between the classic and the modernized experience."""
