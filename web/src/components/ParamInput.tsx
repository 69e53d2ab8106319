import { useId } from "react";
import type { ParamField } from "../services/paramForm";
import styles from "./FormDialog.module.css";

interface ParamInputProps {
  field: ParamField;
  text: string;
  error: string | undefined;
  onChange: (text: string) => void;
}

/** ParamInput is the input of one parameter, with its help or what is wrong with it. */
export function ParamInput({ field, text, error, onChange }: ParamInputProps) {
  const id = useId();
  const help = [field.description, field.hint].filter((part) => part !== "").join(" ");
  const common = {
    id,
    required: field.isRequired,
    "aria-invalid": error !== undefined,
    "aria-describedby": `${id}-help`,
    value: text,
    onChange: (e: { target: { value: string } }) => onChange(e.target.value),
  };
  return (
    <div className={styles.field}>
      <label htmlFor={id}>
        {field.name}
        {field.isRequired ? <span className="muted"> (required)</span> : null}
      </label>
      {field.control === "select" ? (
        <select {...common}>
          {field.options.includes(field.initial) ? null : (
            <option value="">{field.isRequired ? "Choose …" : "Default"}</option>
          )}
          {field.options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      ) : field.control === "json" ? (
        <textarea {...common} rows={3} spellCheck={false} autoComplete="off" />
      ) : (
        <input
          {...common}
          type={field.control}
          step={field.control === "number" ? field.step : undefined}
          min={field.control === "text" ? undefined : field.min}
          max={field.control === "text" ? undefined : field.max}
          autoComplete="off"
        />
      )}
      <div id={`${id}-help`} className={error ? styles.error : "muted"} role={error ? "alert" : undefined}>
        {error ?? help}
      </div>
    </div>
  );
}
