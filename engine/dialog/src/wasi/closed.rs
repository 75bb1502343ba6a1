//! What is linked because toolchains import it, and does nothing: every function of files and
//! sockets.
//!
//! Where its type has an error code the function returns one, so that a script sees its language's
//! own exception; else it ends the flow.

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{LinkerInstance, Val};

use crate::host::{Ended, StoreData};

/// The codes that say "you may not", by preference: sockets', files'.
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
            // what was lent has to be given back, and what was given is the host's to drop
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
