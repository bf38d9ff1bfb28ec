"""Access control of the local AWS: the policies of access keys, evaluated before each call."""
