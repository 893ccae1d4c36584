//! What operators see: `/metrics`, `/healthz`, the admin socket and the MX check, over real sockets
//! and with a real resolver in the lab.

#[path = "../common/mod.rs"]
mod common;

mod admin;
mod desk;
mod http;
mod mx_check;
