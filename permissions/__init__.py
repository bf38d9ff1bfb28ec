"""The minimal permissions of a stack's identities in both clouds; see docs/permissions.md."""
