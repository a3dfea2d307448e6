"""The service: an HTTP API over `assay`, and the moderators' console."""
