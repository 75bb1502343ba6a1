//! Functions that are linked because toolchains import them, but are refused: everything about
//! files and sockets.
//!
//! If its type has an error code the function returns one, so that a script gets its language's own
//! exception; otherwise it terminates the flow.

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{LinkerInstance, Val};

use crate::context::StoreData;
use crate::limit::Ended;

/// Error codes for a refusal, in order of preference: of sockets, of files.
const REFUSALS: [&str; 3] = ["access-denied", "access", "not-permitted"];

pub(super) fn close(
    instance: &mut LinkerInstance<'_, StoreData>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<()> {
    let function: Arc<str> = format!("{interface}.{name}").into();
    instance.func_new_async(name, move |mut store, ty, arguments, results| {
        let function = function.clone();
        Box::new(async move {
            // borrowed handles must be returned, and owned ones are the host's to drop
            for argument in arguments {
                if let Val::Resource(resource) = argument {
                    resource.resource_drop_async(&mut store).await?;
                }
            }
            let (Some(code), Some(result)) = (refusal(&ty), results.first_mut()) else {
                return Err(Ended::Closed(function.to_string()).into());
            };
            *result = Val::Result(Err(Some(Box::new(Val::Enum(code)))));
            Ok(())
        })
    })
}

fn refusal(ty: &ComponentFunc) -> Option<String> {
    let Some(Type::Result(result)) = ty.results().next() else {
        return None;
    };
    let Some(Type::Enum(codes)) = result.err() else {
        return None;
    };
    let refusal = REFUSALS
        .into_iter()
        .find(|refusal| codes.names().any(|code| code == *refusal));
    refusal.or(codes.names().next()).map(str::to_owned)
}
