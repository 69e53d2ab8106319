import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { canChange, type Pool, placeOf } from "../services/pools";
import { DeletePoolDialog, PoolDialog } from "./PoolDialogs";
import styles from "./PoolsSection.module.css";

type Open = { kind: "new" } | { kind: "change" | "delete"; pool: Pool };

interface PoolsSectionProps {
  pools: readonly Pool[];
  /** onChange is called after a change that was asked for here. */
  onChange: () => void;
}

/** PoolsSection lists the pools with who holds their slots, and lets those be changed that no file declares. */
export function PoolsSection({ pools, onChange }: PoolsSectionProps) {
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const names = pools.map((pool) => pool.name);
  return (
    <section className="card" aria-label="Pools">
      <div className={styles.head}>
        <h2>Pools</h2>
        <button type="button" onClick={() => setOpen({ kind: "new" })}>
          New pool …
        </button>
      </div>
      {pools.length > 0 ? (
        <PoolTable pools={pools} onOpen={setOpen} />
      ) : (
        <p className={styles.none}>
          There is none. A pool bounds what tasks of all workflows share, such as connections to a database.
        </p>
      )}
      {open?.kind === "new" ? (
        <PoolDialog pool={null} taken={names} onDone={onChange} onClose={close} />
      ) : null}
      {open?.kind === "change" ? (
        <PoolDialog pool={open.pool} taken={[]} onDone={onChange} onClose={close} />
      ) : null}
      {open?.kind === "delete" ? (
        <DeletePoolDialog pool={open.pool} onDone={onChange} onClose={close} />
      ) : null}
    </section>
  );
}

function PoolTable({ pools, onOpen }: { pools: readonly Pool[]; onOpen: (open: Open) => void }) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Pool</th>
            <th scope="col">Used</th>
            <th scope="col">Waiting</th>
            <th scope="col">Held by</th>
            <th scope="col">From</th>
            <th scope="col">Description</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {pools.map((pool) => (
            <Row key={pool.name} pool={pool} onOpen={onOpen} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ pool, onOpen }: { pool: Pool; onOpen: (open: Open) => void }) {
  return (
    <tr>
      <td>
        <strong>{pool.name}</strong>
      </td>
      <td className="number">
        {pool.used} of {pool.slots}
      </td>
      <td className="number">{pool.waiting}</td>
      <td>
        {pool.holders.length > 0 ? <Holders holders={pool.holders} /> : <span className="muted">–</span>}
      </td>
      <td>{pool.origin === "FILE" ? <code>pools.yaml</code> : "API"}</td>
      <td className="muted">{pool.description}</td>
      <td>
        {canChange(pool) ? (
          <div className={styles.actions}>
            <button
              type="button"
              aria-label={`Change pool ${pool.name}`}
              onClick={() => onOpen({ kind: "change", pool })}
            >
              Change …
            </button>
            <button
              type="button"
              data-variant="danger"
              aria-label={`Delete pool ${pool.name}`}
              onClick={() => onOpen({ kind: "delete", pool })}
            >
              Delete …
            </button>
          </div>
        ) : null}
      </td>
    </tr>
  );
}

function Holders({ holders }: { holders: Pool["holders"] }) {
  return (
    <ul className={styles.holders}>
      {holders.map((holder) => (
        <li key={holder.taskRunId}>
          <HolderLink holder={holder} />
          {holder.slots === 1 ? null : <span className="muted"> {holder.slots} slots</span>}
        </li>
      ))}
    </ul>
  );
}

function HolderLink({ holder }: { holder: Pool["holders"][number] }) {
  const text = `${holder.run} ${holder.task}`;
  const place = placeOf(holder.run);
  if (!place) return text;
  return (
    <Link to="/workflows/$name/runs/$number" params={{ ...place }} search={{ task: holder.task }}>
      {text}
    </Link>
  );
}
