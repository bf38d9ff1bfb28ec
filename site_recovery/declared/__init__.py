"""What a stack's config declares of a machine, as models that refuse what the clouds refuse."""
