"""The command line `baton`: docs/protocol.md, section 5."""
