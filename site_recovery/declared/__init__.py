"""Models of what a stack's config declares for a machine. They refuse what the clouds refuse."""
