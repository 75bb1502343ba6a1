//! The migrations, embedded in the binary. A released migration is never edited; changes are added
//! as new ones.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

/// Number, name and SQL of a migration.
type Source = (i64, &'static str, &'static str);

const SQLITE: &[Source] = &[
    (
        1,
        "calls",
        include_str!("../../migrations/sqlite/0001_calls.sql"),
    ),
    (
        2,
        "calls by flow",
        include_str!("../../migrations/sqlite/0002_calls_by_flow.sql"),
    ),
    (
        3,
        "do not call",
        include_str!("../../migrations/sqlite/0003_do_not_call.sql"),
    ),
    (
        4,
        "call events",
        include_str!("../../migrations/sqlite/0004_call_events.sql"),
    ),
    (
        5,
        "dial requests",
        include_str!("../../migrations/sqlite/0005_dial_requests.sql"),
    ),
    (
        6,
        "campaigns",
        include_str!("../../migrations/sqlite/0006_campaigns.sql"),
    ),
    (
        7,
        "webhook deliveries",
        include_str!("../../migrations/sqlite/0007_webhook_deliveries.sql"),
    ),
    (
        8,
        "list of calls",
        include_str!("../../migrations/sqlite/0008_list_of_calls.sql"),
    ),
    (
        9,
        "chain",
        include_str!("../../migrations/sqlite/0009_chain.sql"),
    ),
    (
        10,
        "dialled calls",
        include_str!("../../migrations/sqlite/0010_dialled_calls.sql"),
    ),
    (
        11,
        "erasure",
        include_str!("../../migrations/sqlite/0011_erasure.sql"),
    ),
    (
        12,
        "claims",
        include_str!("../../migrations/sqlite/0012_claims.sql"),
    ),
    (
        13,
        "audit",
        include_str!("../../migrations/sqlite/0013_audit.sql"),
    ),
    (
        14,
        "calls that went wrong",
        include_str!("../../migrations/sqlite/0014_calls_that_went_wrong.sql"),
    ),
    (
        15,
        "how far attempts came",
        include_str!("../../migrations/sqlite/0015_how_far_attempts_came.sql"),
    ),
    (
        16,
        "what was changed",
        include_str!("../../migrations/sqlite/0016_what_was_changed.sql"),
    ),
];
const POSTGRES: &[Source] = &[
    (
        1,
        "calls",
        include_str!("../../migrations/postgres/0001_calls.sql"),
    ),
    (
        2,
        "calls by flow",
        include_str!("../../migrations/postgres/0002_calls_by_flow.sql"),
    ),
    (
        3,
        "do not call",
        include_str!("../../migrations/postgres/0003_do_not_call.sql"),
    ),
    (
        4,
        "call events",
        include_str!("../../migrations/postgres/0004_call_events.sql"),
    ),
    (
        5,
        "dial requests",
        include_str!("../../migrations/postgres/0005_dial_requests.sql"),
    ),
    (
        6,
        "campaigns",
        include_str!("../../migrations/postgres/0006_campaigns.sql"),
    ),
    (
        7,
        "webhook deliveries",
        include_str!("../../migrations/postgres/0007_webhook_deliveries.sql"),
    ),
    (
        8,
        "list of calls",
        include_str!("../../migrations/postgres/0008_list_of_calls.sql"),
    ),
    (
        9,
        "chain",
        include_str!("../../migrations/postgres/0009_chain.sql"),
    ),
    (
        10,
        "dialled calls",
        include_str!("../../migrations/postgres/0010_dialled_calls.sql"),
    ),
    (
        11,
        "erasure",
        include_str!("../../migrations/postgres/0011_erasure.sql"),
    ),
    (
        12,
        "claims",
        include_str!("../../migrations/postgres/0012_claims.sql"),
    ),
    (
        13,
        "audit",
        include_str!("../../migrations/postgres/0013_audit.sql"),
    ),
    (
        14,
        "calls that went wrong",
        include_str!("../../migrations/postgres/0014_calls_that_went_wrong.sql"),
    ),
    (
        15,
        "how far attempts came",
        include_str!("../../migrations/postgres/0015_how_far_attempts_came.sql"),
    ),
    (
        16,
        "what was changed",
        include_str!("../../migrations/postgres/0016_what_was_changed.sql"),
    ),
];

pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(sources: &[Source]) -> Migrator {
    let migration = |&(version, name, statements): &Source| {
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            AssertSqlSafe(statements).into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations(sources.iter().map(migration).collect())
}
