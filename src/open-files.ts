/** How many files and connections this process may have open. */
export function openFilesMax(): number {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // Looking addresses up may take seconds.
  report.excludeNetwork = true;
  try {
    const { userLimits } = report.getReport() as { userLimits?: UserLimits };
    const soft = userLimits?.open_files?.soft;
    return typeof soft === "number" ? soft : Number.POSITIVE_INFINITY;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

interface UserLimits {
  /** `unlimited`, where there is none. */
  readonly open_files?: { readonly soft: number | string };
}
