"""Where results go: ClickHouse tables, migrations and writers."""
