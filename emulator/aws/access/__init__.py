"""What callers of the local AWS may do: policies of access keys, judged before anything answers."""
