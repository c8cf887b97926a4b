//! The reference HRM backend.
