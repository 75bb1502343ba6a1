//! Lists of customers.

use std::collections::{BTreeMap, HashMap};

use sqlx::{PgConnection, Postgres, QueryBuilder, Sqlite, SqliteConnection};

use super::{Pool, SqlRecords, stored_ms};
use crate::StoreError;
use crate::lists::{CustomerKey, CustomerList, ListedCustomer, Put, Removed};

/// Maximum number of lists that are shown.
const LISTS: i64 = 1_000;
/// Customers that are removed in one transaction.
const REMOVED_AT_ONCE: i64 = 5_000;

// writers of one list wait for each other here, so that each sees what the other has stored
const TOUCH: &str = "INSERT INTO customer_lists (name, flow, created_ms, changed_ms, changes) VALUES ($1, $2, $3, $3, 1) \
     ON CONFLICT (name) DO UPDATE SET changed_ms = excluded.changed_ms, changes = customer_lists.changes + 1 RETURNING flow";
const KNOWN: &str = "SELECT customer, import, line, fields FROM customers WHERE list = ";
const PUT: &str =
    "INSERT INTO customers (list, customer, phone, fields, import, line, changed_ms) ";
const REPLACE: &str = " ON CONFLICT (list, customer) DO UPDATE SET fields = excluded.fields, import = excluded.import, line = excluded.line, \
     changed_ms = excluded.changed_ms";
const ALL: &str = "SELECT name, flow, created_ms, changed_ms, (SELECT COUNT(*) FROM customers WHERE list = name) FROM customer_lists \
     ORDER BY name LIMIT $1";
const FLOW_OF: &str = "SELECT flow FROM customer_lists WHERE name = $1";
const USED_BY: &str = "SELECT name FROM campaigns WHERE list = $1 AND state NOT IN ('cancelled', 'finished') ORDER BY name LIMIT 1";
const REMOVE_CUSTOMERS: &str = "DELETE FROM customers WHERE list = $1 AND customer IN \
     (SELECT customer FROM customers WHERE list = $1 ORDER BY customer LIMIT $2)";
const REMOVE_LIST: &str = "DELETE FROM customer_lists WHERE name = $1";

/// A customer's row: key, import, line and fields.
type Row = (String, String, i64, String);

/// Customers of one request.
struct Batch<'b> {
    list: &'b str,
    flow: &'b str,
    import: &'b str,
    customers: &'b [(ListedCustomer, String)],
    now_ms: i64,
}

impl Batch<'_> {
    /// Decides what becomes of each customer, and which rows are written.
    fn decide(&self, known: Vec<Row>) -> (Vec<Put>, Vec<&(ListedCustomer, String)>) {
        let mut known: HashMap<String, (bool, u32, String)> = known
            .into_iter()
            .map(|(customer, import, line, fields)| {
                let line = u32::try_from(line).unwrap_or_default();
                (customer, (import == self.import, line, fields))
            })
            .collect();
        let mut written = Vec::new();
        let puts = self.customers.iter().map(|row| {
            let (customer, fields) = row;
            let put = match known.get(customer.key.as_str()) {
                None => Put::New,
                // a request that was sent again
                Some((true, line, _)) if *line == customer.line => return Put::Unchanged,
                Some((true, line, stored)) if stored == fields => {
                    return Put::Repeats { line: *line };
                }
                Some((true, line, _)) => return Put::Contradicts { line: *line },
                Some((false, _, stored)) if stored == fields => Put::Unchanged,
                Some((false, ..)) => Put::Updated,
            };
            let now_known = (true, customer.line, fields.clone());
            known.insert(customer.key.as_str().to_owned(), now_known);
            written.push(row);
            put
        });
        (puts.collect(), written)
    }
}

/// Puts customers into a list on a connection; `None` if the list is another flow's.
macro_rules! put {
    ($name:ident, $connection:ty, $database:ty) => {
        async fn $name(
            connection: &mut $connection,
            batch: &Batch<'_>,
        ) -> Result<Option<Vec<Put>>, sqlx::Error> {
            let (flow,): (String,) = sqlx::query_as(TOUCH)
                .bind(batch.list)
                .bind(batch.flow)
                .bind(batch.now_ms)
                .fetch_one(&mut *connection)
                .await?;
            if flow != batch.flow {
                return Ok(None);
            }
            if batch.customers.is_empty() {
                return Ok(Some(Vec::new()));
            }
            let mut query = QueryBuilder::<$database>::new(KNOWN);
            query.push_bind(batch.list).push(" AND customer IN (");
            let mut keys = query.separated(", ");
            for (customer, _) in batch.customers {
                keys.push_bind(customer.key.as_str());
            }
            query.push(")");
            let known: Vec<Row> = query.build_query_as().fetch_all(&mut *connection).await?;
            let (puts, written) = batch.decide(known);
            if !written.is_empty() {
                let mut query = QueryBuilder::<$database>::new(PUT);
                query.push_values(written, |mut values, (customer, fields)| {
                    values
                        .push_bind(batch.list)
                        .push_bind(customer.key.as_str())
                        .push_bind(customer.phone.expose())
                        .push_bind(fields.as_str())
                        .push_bind(batch.import)
                        .push_bind(i64::from(customer.line))
                        .push_bind(batch.now_ms);
                });
                query.push(REPLACE);
                query.build().execute(&mut *connection).await?;
            }
            Ok(Some(puts))
        }
    };
}

put!(put_in_sqlite, SqliteConnection, Sqlite);
put!(put_in_postgres, PgConnection, Postgres);

impl SqlRecords {
    /// Puts customers into a list of a flow, which is made if it does not exist, and returns what
    /// became of each, in their order. `import` names the file: a customer whom one import has
    /// twice is put once. With `check` nothing is stored. All or nothing is stored; call it with at
    /// most some hundred customers.
    ///
    /// Returns `None` if the list has customers of another flow.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn put_customers(
        &self,
        (list, flow): (&str, &str),
        import: &str,
        customers: Vec<ListedCustomer>,
        check: bool,
        now_ms: u64,
    ) -> Result<Option<Vec<Put>>, StoreError> {
        let with_json = |customer: ListedCustomer| {
            let json = serde_json::to_string(&customer.fields).map_err(|error| {
                StoreError::Unavailable {
                    store: self.store(),
                    reason: error.to_string(),
                }
            })?;
            Ok((customer, json))
        };
        let customers: Vec<_> = customers
            .into_iter()
            .map(with_json)
            .collect::<Result<_, StoreError>>()?;
        let batch = Batch {
            list,
            flow,
            import,
            customers: &customers,
            now_ms: stored_ms(now_ms),
        };
        in_transaction!(
            self,
            put_in_sqlite | put_in_postgres,
            (&batch),
            |put: &Option<Vec<Put>>| put.is_some() && !check
        )
    }

    /// The flow of a list; `None` if there is no such list.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn flow_of_list(&self, list: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> =
            reading!(self, pool => sqlx::query_as(FLOW_OF).bind(list).fetch_optional(pool))?;
        Ok(row.map(|(flow,)| flow))
    }

    /// The lists, by name; at most 1,000.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn lists(&self) -> Result<Vec<CustomerList>, StoreError> {
        let rows: Vec<(String, String, i64, i64, i64)> =
            reading!(self, pool => sqlx::query_as(ALL).bind(LISTS).fetch_all(pool))?;
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        let list = |(name, flow, created_ms, changed_ms, customers)| CustomerList {
            name,
            flow,
            created_ms: count(created_ms),
            changed_ms: count(changed_ms),
            customers: count(customers),
        };
        Ok(rows.into_iter().map(list).collect())
    }

    /// Removes a list with its customers, unless a campaign uses it. A large list is removed in
    /// several transactions; if one fails, call it again.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remove_list(&self, list: &str) -> Result<Removed, StoreError> {
        let user: Option<(String,)> =
            reading!(self, pool => sqlx::query_as(USED_BY).bind(list).fetch_optional(pool))?;
        if let Some((campaign,)) = user {
            return Ok(Removed::InUse(campaign));
        }
        if self.flow_of_list(list).await?.is_none() {
            return Ok(Removed::Unknown);
        }
        let mut removed = 0;
        loop {
            let now_removed = writing!(self, pool => async {
                let remove = sqlx::query(REMOVE_CUSTOMERS).bind(list).bind(REMOVED_AT_ONCE);
                Ok(remove.execute(pool).await?.rows_affected())
            })?;
            removed += now_removed;
            if now_removed == 0 {
                break;
            }
        }
        writing!(self, pool => async {
            sqlx::query(REMOVE_LIST).bind(list).execute(pool).await.map(drop)
        })?;
        Ok(Removed::Yes(removed))
    }

    /// Returns the records of customers of a list, by key.
    pub(super) async fn fields_of(
        &self,
        list: &str,
        keys: &[String],
    ) -> Result<BTreeMap<String, String>, StoreError> {
        const FIELDS: &str = "SELECT customer, fields FROM customers WHERE list = ";
        macro_rules! query {
            ($database:ty, $pool:expr) => {{
                let mut query = QueryBuilder::<$database>::new(FIELDS);
                query.push_bind(list).push(" AND customer IN (");
                let mut separated = query.separated(", ");
                for key in keys {
                    separated.push_bind(key.as_str());
                }
                query.push(")");
                self.bounded(async { query.build_query_as().fetch_all($pool).await })
                    .await
            }};
        }
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows: Vec<(String, String)> = match &self.pool {
            Pool::Sqlite(pools) => query!(Sqlite, &pools.readers),
            Pool::Postgres(pool) => query!(Postgres, pool),
        }?;
        Ok(rows.into_iter().collect())
    }
}

/// Reads a key from a row.
pub(super) fn key(text: String) -> CustomerKey {
    CustomerKey::stored(text)
}
