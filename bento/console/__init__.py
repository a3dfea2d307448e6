"""The moderators' console: server-rendered pages, without a build step."""
