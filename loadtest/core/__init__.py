"""Pure parts of load tests: shapes, what a run saw second by second, and its verdict."""
