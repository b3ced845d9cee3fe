"""One numbered file per change: `-- up`, `-- down`; read by sinks.clickhouse.migrate."""
