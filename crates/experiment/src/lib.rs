//! YAML in, runs out: parse, resolve, plan, execute, hand over to the report room.
