-- Times are milliseconds since 1970, UTC. Texts named *_json are JSON of the type in the code beside the table's name.

CREATE TABLE servers (                       -- servers.rs
    id TEXT PRIMARY KEY,
    spec_json TEXT NOT NULL,
    persisted_json TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    create_received_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE deleted_servers (               -- servers.rs; the oldest go first, by place
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    deleted_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE aliases (                       -- aliases.rs
    alias TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    kind TEXT NOT NULL,
    bound_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX aliases_by_server ON aliases (server);

CREATE TABLE commands (                      -- commands.rs; place counts per caller, the oldest go first
    caller TEXT NOT NULL,
    id_json TEXT NOT NULL,
    place INTEGER NOT NULL,
    action TEXT NOT NULL,
    target TEXT,
    received_ms INTEGER NOT NULL,
    answer_json TEXT,
    PRIMARY KEY (caller, id_json)
) STRICT;
CREATE UNIQUE INDEX commands_by_place ON commands (caller, place);
CREATE INDEX commands_by_time ON commands (received_ms);

CREATE TABLE operations (                    -- operations.rs; the oldest go first, by place
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    command_id_json TEXT,
    called_server TEXT NOT NULL,
    server TEXT NOT NULL,
    action TEXT NOT NULL,
    state TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    failure_json TEXT,
    note TEXT
) STRICT;
CREATE INDEX operations_by_server ON operations (server, place);
CREATE INDEX operations_by_end ON operations (ended_ms);

CREATE TABLE meta (                          -- meta.rs
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
