"""The least that a stack's identities need in both clouds, as files; see docs/permissions.md."""
