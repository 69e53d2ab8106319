import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import styles from "./FormDialog.module.css";

interface FormDialogProps {
  title: string;
  /** confirm is the text of the button that submits. */
  confirm: string;
  danger?: boolean;
  /** wide: there is much to ask, so fields stand side by side where there is room. */
  wide?: boolean;
  /** ready: there is something to submit. */
  ready?: boolean;
  /** problems are those that belong to no field. */
  problems: readonly string[];
  /** onSubmit returns whether it was done: then the dialog closes. */
  onSubmit: () => Promise<boolean>;
  onClose: () => void;
  children?: ReactNode;
}

/** FormDialog asks for what a change needs. While it is open the focus stays in it; then it goes back. */
export function FormDialog(props: FormDialogProps) {
  const {
    title,
    confirm,
    danger = false,
    wide = false,
    ready = true,
    problems,
    onSubmit,
    onClose,
    children,
  } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const done = await onSubmit();
    setBusy(false);
    if (done) dialog.current?.close();
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby={heading}
      onClose={onClose}
      className={styles.dialog}
      data-wide={wide}
    >
      <form onSubmit={submit} className={styles.form} noValidate>
        <h2 id={heading}>{title}</h2>
        {children}
        {problems.map((problem) => (
          <p key={problem} role="alert" className={styles.error}>
            {problem}
          </p>
        ))}
        <div className={styles.buttons}>
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button type="submit" data-variant={danger ? "danger" : "primary"} disabled={busy || !ready}>
            {confirm}
            {busy ? " …" : ""}
          </button>
        </div>
      </form>
    </dialog>
  );
}
