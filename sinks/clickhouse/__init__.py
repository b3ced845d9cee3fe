"""ClickHouse as the place where results are kept: stores, migrations, rows and the writer."""
