"""The tables, as a list of migrations: entry N brings schema version N to N + 1. Entries are never edited, only added.

JSON columns hold what :mod:`engine.store.codec` writes. Times are seconds since the epoch, in events nanoseconds.
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE containers (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        image TEXT NOT NULL,
        image_id TEXT NOT NULL,
        created_at REAL NOT NULL,
        status TEXT NOT NULL,
        pid INTEGER NOT NULL DEFAULT 0,
        pid_start INTEGER NOT NULL DEFAULT 0,
        exit_code INTEGER NOT NULL DEFAULT 0,
        oom_killed INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        started_at REAL NOT NULL DEFAULT 0,
        finished_at REAL NOT NULL DEFAULT 0,
        restart_count INTEGER NOT NULL DEFAULT 0,
        health TEXT NOT NULL DEFAULT '',
        manually_stopped INTEGER NOT NULL DEFAULT 0,
        config TEXT NOT NULL,
        host_config TEXT NOT NULL,
        argv TEXT NOT NULL,
        endpoints TEXT NOT NULL DEFAULT '[]',
        ports TEXT NOT NULL DEFAULT '[]',
        mounts TEXT NOT NULL DEFAULT '[]'
    );
    CREATE INDEX containers_image ON containers (image_id);
    CREATE INDEX containers_status ON containers (status);

    CREATE TABLE container_volumes (
        container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
        volume TEXT NOT NULL,
        PRIMARY KEY (volume, container_id)
    ) WITHOUT ROWID;

    CREATE TABLE layers (
        chain_id TEXT PRIMARY KEY,
        diff_id TEXT NOT NULL,
        parent TEXT NOT NULL,
        size INTEGER NOT NULL,
        created_at REAL NOT NULL
    );

    CREATE TABLE images (
        id TEXT PRIMARY KEY,
        manifest_digest TEXT NOT NULL,
        manifest_type TEXT NOT NULL,
        created_at REAL NOT NULL,
        size INTEGER NOT NULL,
        architecture TEXT NOT NULL,
        os TEXT NOT NULL,
        variant TEXT NOT NULL,
        labels TEXT NOT NULL,
        blobs TEXT NOT NULL,
        diff_ids TEXT NOT NULL,
        chain_ids TEXT NOT NULL
    );
    CREATE TABLE image_names (
        reference TEXT PRIMARY KEY,
        image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX image_names_image ON image_names (image_id);
    CREATE TABLE image_digests (
        reference TEXT PRIMARY KEY,
        image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX image_digests_image ON image_digests (image_id);

    CREATE TABLE networks (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        driver TEXT NOT NULL,
        scope TEXT NOT NULL,
        created_at REAL NOT NULL,
        internal INTEGER NOT NULL,
        attachable INTEGER NOT NULL,
        enable_ipv6 INTEGER NOT NULL,
        bridge TEXT NOT NULL,
        subnets TEXT NOT NULL,
        options TEXT NOT NULL,
        labels TEXT NOT NULL
    );
    CREATE TABLE leases (
        network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
        address TEXT NOT NULL,
        container_id TEXT NOT NULL,
        mac TEXT NOT NULL,
        PRIMARY KEY (network_id, address)
    ) WITHOUT ROWID;
    CREATE INDEX leases_container ON leases (container_id);

    CREATE TABLE volumes (
        name TEXT PRIMARY KEY,
        driver TEXT NOT NULL,
        created_at REAL NOT NULL,
        anonymous INTEGER NOT NULL,
        options TEXT NOT NULL,
        labels TEXT NOT NULL
    );

    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        action TEXT NOT NULL,
        object TEXT NOT NULL,
        time INTEGER NOT NULL,
        attributes TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE leases ADD COLUMN address6 TEXT NOT NULL DEFAULT '';
    CREATE UNIQUE INDEX leases_address6 ON leases (network_id, address6) WHERE address6 != '';
    """,
    """
    ALTER TABLE image_names ADD COLUMN index_digest TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE leases ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    """,
    """
    CREATE TABLE container_images (
        container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
        image_id TEXT NOT NULL,
        PRIMARY KEY (image_id, container_id)
    ) WITHOUT ROWID;
    """,
)
