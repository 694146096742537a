"""The tables of the relayer, as they began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From nothing to the tables."""
    op.create_table(
        "auth_challenges",
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("challenge", name=op.f("auth_challenges_key")),
    )
    op.create_index(op.f("auth_challenges_expires_at_index"), "auth_challenges", ["expires_at"], unique=False)
    op.create_table(
        "batches",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "opening",
                "open",
                "closing",
                "sealed",
                "proving",
                "proved",
                "submitted",
                "mined",
                "final",
                "failed",
                "reorged",
                "void",
                "expired",
                name="batchstate",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("opened_time", sa.BigInteger(), nullable=True),
        sa.Column("close_requested", sa.Boolean(), nullable=False),
        sa.Column("receipts_known", sa.Boolean(), nullable=False),
        sa.Column("covered", sa.BigInteger(), nullable=False),
        sa.Column("touches", sa.BigInteger(), nullable=True),
        sa.Column("orders", sa.BigInteger(), nullable=True),
        sa.Column("seal_root", sa.LargeBinary(), nullable=True),
        sa.Column("receipts_hash", sa.LargeBinary(), nullable=True),
        sa.Column("deposit_end", sa.BigInteger(), nullable=True),
        sa.Column("exit_end", sa.BigInteger(), nullable=True),
        sa.Column("last_void", sa.BigInteger(), nullable=True),
        sa.Column("sealed_time", sa.BigInteger(), nullable=True),
        sa.Column("batch_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("start_root", sa.LargeBinary(), nullable=True),
        sa.Column("end_root", sa.LargeBinary(), nullable=True),
        sa.Column("segments", sa.BigInteger(), nullable=True),
        sa.Column("proofs_done", sa.BigInteger(), nullable=False),
        sa.Column("proofs_total", sa.BigInteger(), nullable=True),
        sa.Column("r1", sa.LargeBinary(), nullable=True),
        sa.Column("settlement", sa.LargeBinary(), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("cost_wei", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("batches_key")),
    )
    op.create_index(op.f("batches_state_index"), "batches", ["state"], unique=False)
    op.create_table(
        "bond_challenges",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("bond_challenges_key")),
    )
    op.create_index(op.f("bond_challenges_state_index"), "bond_challenges", ["state"], unique=False)
    op.create_table(
        "chain_blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("chain_blocks_key")),
    )
    op.create_table(
        "chain_records",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block", "index", name=op.f("chain_records_key")),
    )
    op.create_table(
        "encryption_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("encryption_keys_key")),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("events_key")),
    )
    op.create_index(op.f("events_channel_index"), "events", ["channel"], unique=False)
    op.create_index(op.f("events_created_at_index"), "events", ["created_at"], unique=False)
    op.create_index(op.f("events_owner_index"), "events", ["owner"], unique=False)
    op.create_index("events_stream", "events", ["channel", "owner", "number"], unique=False)
    op.create_table(
        "holders",
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("subaccount", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=True),
        sa.Column("holder_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("holders_key")),
        sa.UniqueConstraint("account", name=op.f("holders_account_unique")),
    )
    op.create_index(op.f("holders_key_index"), "holders", ["key"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("order", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("idempotency_key")),
    )
    op.create_index(op.f("idempotency_created_at_index"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("leases_key")),
    )
    op.create_table(
        "nonces",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("following", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sender", name=op.f("nonces_key")),
    )
    op.create_table(
        "risk_documents",
        sa.Column("risk_root", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("risk_root", name=op.f("risk_documents_key")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("sessions_key")),
    )
    op.create_index(op.f("sessions_expires_at_index"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("sessions_owner_index"), "sessions", ["owner"], unique=False)
    op.create_table(
        "settings",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("settings_key")),
    )
    op.create_table(
        "snapshots",
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("state_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch", name=op.f("snapshots_key")),
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("value_wei", sa.String(), nullable=False),
        sa.Column("gas_limit", sa.BigInteger(), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued", "sent", "mined", "final", "failed", name="transactionstate", native_enum=False, length=16
            ),
            nullable=False,
        ),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("mined_hash", sa.LargeBinary(), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("cost_wei", sa.String(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Text(), nullable=True),
        sa.Column("bump", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("transactions_key")),
        sa.UniqueConstraint("purpose", name=op.f("transactions_purpose_unique")),
        sa.UniqueConstraint("sender", "nonce", name=op.f("transactions_sender_nonce_unique")),
    )
    op.create_index(op.f("transactions_batch_index"), "transactions", ["batch"], unique=False)
    op.create_index(op.f("transactions_position_index"), "transactions", ["position"], unique=False)
    op.create_index(op.f("transactions_state_index"), "transactions", ["state"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("channels", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("delivered_seq", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("webhooks_key")),
    )
    op.create_table(
        "attempts",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("transaction", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("max_fee_wei", sa.String(), nullable=False),
        sa.Column("priority_fee_wei", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("empty", sa.Boolean(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("sent_block", sa.BigInteger(), nullable=True),
        sa.Column("sends", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction"], ["transactions.id"], name=op.f("attempts_transaction_of_transactions")
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("attempts_key")),
    )
    op.create_index(op.f("attempts_transaction_index"), "attempts", ["transaction"], unique=False)
    op.create_table(
        "batch_steps",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "opening",
                "open",
                "closing",
                "sealed",
                "proving",
                "proved",
                "submitted",
                "mined",
                "final",
                "failed",
                "reorged",
                "void",
                "expired",
                name="batchstate",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("batch_steps_batch_of_batches")),
        sa.PrimaryKeyConstraint("id", name=op.f("batch_steps_key")),
    )
    op.create_index(op.f("batch_steps_batch_index"), "batch_steps", ["batch"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "receipted",
                "sealed",
                "settled",
                "final",
                "cancelled",
                "lapsed",
                name="orderstate",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("previous", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_signature", sa.LargeBinary(), nullable=True),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("result_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["holders.owner"], name=op.f("orders_owner_of_holders")),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_key")),
        sa.UniqueConstraint("batch", "sequence", name=op.f("orders_batch_sequence_unique")),
        sa.UniqueConstraint("hash", name=op.f("orders_hash_unique")),
        sa.UniqueConstraint("position", name=op.f("orders_position_unique")),
    )
    op.create_index(op.f("orders_owner_index"), "orders", ["owner"], unique=False)
    op.create_index("orders_owner_position", "orders", ["owner", "position"], unique=False)
    op.create_index(op.f("orders_state_index"), "orders", ["state"], unique=False)
    op.create_index(
        "orders_with_content",
        "orders",
        ["batch", "state"],
        unique=False,
        sqlite_where=sa.text("content_sealed IS NOT NULL"),
        postgresql_where=sa.text("content_sealed IS NOT NULL"),
    )
    op.create_table(
        "seal_drafts",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("seal_root", sa.LargeBinary(), nullable=False),
        sa.Column("receipts_hash", sa.LargeBinary(), nullable=False),
        sa.Column("batch_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("seal_drafts_batch_of_batches")),
        sa.PrimaryKeyConstraint("batch", "seal_root", name=op.f("seal_drafts_key")),
    )


def downgrade() -> None:
    """Back to nothing."""
    op.drop_table("seal_drafts")
    op.drop_index(
        "orders_with_content",
        table_name="orders",
        sqlite_where=sa.text("content_sealed IS NOT NULL"),
        postgresql_where=sa.text("content_sealed IS NOT NULL"),
    )
    op.drop_index(op.f("orders_state_index"), table_name="orders")
    op.drop_index("orders_owner_position", table_name="orders")
    op.drop_index(op.f("orders_owner_index"), table_name="orders")
    op.drop_table("orders")
    op.drop_index(op.f("batch_steps_batch_index"), table_name="batch_steps")
    op.drop_table("batch_steps")
    op.drop_index(op.f("attempts_transaction_index"), table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("webhooks")
    op.drop_index(op.f("transactions_state_index"), table_name="transactions")
    op.drop_index(op.f("transactions_position_index"), table_name="transactions")
    op.drop_index(op.f("transactions_batch_index"), table_name="transactions")
    op.drop_table("transactions")
    op.drop_table("snapshots")
    op.drop_table("settings")
    op.drop_index(op.f("sessions_owner_index"), table_name="sessions")
    op.drop_index(op.f("sessions_expires_at_index"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("risk_documents")
    op.drop_table("nonces")
    op.drop_table("leases")
    op.drop_index(op.f("idempotency_created_at_index"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index(op.f("holders_key_index"), table_name="holders")
    op.drop_table("holders")
    op.drop_index("events_stream", table_name="events")
    op.drop_index(op.f("events_owner_index"), table_name="events")
    op.drop_index(op.f("events_created_at_index"), table_name="events")
    op.drop_index(op.f("events_channel_index"), table_name="events")
    op.drop_table("events")
    op.drop_table("encryption_keys")
    op.drop_table("chain_records")
    op.drop_table("chain_blocks")
    op.drop_index(op.f("bond_challenges_state_index"), table_name="bond_challenges")
    op.drop_table("bond_challenges")
    op.drop_index(op.f("batches_state_index"), table_name="batches")
    op.drop_table("batches")
    op.drop_index(op.f("auth_challenges_expires_at_index"), table_name="auth_challenges")
    op.drop_table("auth_challenges")
