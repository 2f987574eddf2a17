"""The lean HTTP/1.1 engine under both proxies, and the small client built on the same parts."""
