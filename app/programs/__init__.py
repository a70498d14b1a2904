"""What programs and agents ask for: how it is described, checked, shortened and called, over HTTP and as MCP tools."""
