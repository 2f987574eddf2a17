"""Pure rules of HTTP/1.1: framing, heads, limits. They see values and never a socket."""
