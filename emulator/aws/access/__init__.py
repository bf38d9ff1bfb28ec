"""What callers of the local AWS may do: policies of access keys, evaluated before each call."""
