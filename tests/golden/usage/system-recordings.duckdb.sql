WITH "t10" AS (
  SELECT
    "t4"."key",
    "t5"."at",
    "t5"."period",
    (
      "t4"."key" * 3
    ) + "t5"."position" + 1 AS "cell"
  FROM "passed_in_1" AS "t4"
  CROSS JOIN "passed_in_2" AS "t5"
), "t26" AS (
  SELECT
    "t25"."key",
    "t25"."since",
    MAX("t25"."until") OVER (
      PARTITION BY "t25"."key", "t25"."seat"
      ORDER BY "t25"."since" ASC, "t25"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 preceding
    ) AS "before",
    MAX("t25"."until") OVER (
      PARTITION BY "t25"."key", "t25"."seat"
      ORDER BY "t25"."since" ASC, "t25"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "latest",
    LEAD("t25"."since") OVER (
      PARTITION BY "t25"."key", "t25"."seat"
      ORDER BY "t25"."since" ASC, "t25"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "following"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        0 AS "key",
        "t23"."recording_id" AS "seat",
        GREATEST("t23"."started", 1788220800) AS "since",
        LEAST(COALESCE("t23"."ended", 8589934592), 1788228000) AS "until"
      FROM (
        SELECT
          "t6"."source",
          "t6"."recording_id",
          "t6"."tenant",
          "t6"."agent",
          "t6"."started",
          COALESCE("t6"."ended", "t22"."last") AS "ended",
          "t6"."estimated" OR (
            "t22"."last" IS NOT NULL
          ) AS "estimated"
        FROM "recordings" AS "t6"
        LEFT OUTER JOIN (
          SELECT
            "t20"."fact",
            "t20"."last"
          FROM (
            SELECT
              "t19"."fact",
              MAX("t19"."ended") AS "last",
              COUNT(*) AS "sources",
              COUNT("t19"."ended") AS "dead"
            FROM (
              SELECT
                "t18"."fact",
                "t18"."observer",
                MIN("t18"."ended") AS "ended"
              FROM (
                SELECT
                  "t16"."fact",
                  "t16"."observer",
                  "t9"."ended"
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      "t8"."recording_id" AS "fact",
                      "t8"."started" AS "begins",
                      UNNEST(STR_SPLIT_REGEX("t8"."source", '[|]')) AS "observer"
                    FROM (
                      SELECT
                        *
                      FROM "recordings" AS "t2"
                      WHERE
                        "t2"."ended" IS NULL
                    ) AS "t8"
                  ) AS "t12"
                  WHERE
                    "t12"."observer" <> ''
                ) AS "t16"
                LEFT OUTER JOIN (
                  SELECT
                    "t3"."source" AS "observer",
                    "t3"."ended"
                  FROM "ends" AS "t3"
                ) AS "t9"
                  ON "t16"."observer" = "t9"."observer" AND "t9"."ended" >= "t16"."begins"
              ) AS "t18"
              GROUP BY
                1,
                2
            ) AS "t19"
            GROUP BY
              1
          ) AS "t20"
          WHERE
            "t20"."sources" = "t20"."dead"
        ) AS "t22"
          ON "t6"."recording_id" = "t22"."fact"
      ) AS "t23"
    ) AS "t24"
    WHERE
      "t24"."since" < "t24"."until"
  ) AS "t25"
)
SELECT
  "t38"."key",
  "t38"."period",
  "t38"."found" >> 34 AS "peak",
  CASE
    WHEN (
      "t38"."found" >> 34
    ) > 0
    THEN (
      (
        (
          "t38"."found" & 17179869183
        ) + 1788220800
      ) - 1
    ) - (
      (
        (
          (
            "t38"."found" & 17179869183
          ) + 1788220800
        ) - 1
      ) % 1
    )
    ELSE CAST(NULL AS BIGINT)
  END AS "last"
FROM (
  SELECT
    "t37"."key",
    "t37"."period",
    MAX("t37"."found") AS "found"
  FROM (
    SELECT
      "t36"."cell",
      "t36"."found",
      "t15"."key",
      "t15"."at",
      "t15"."period"
    FROM (
      SELECT
        "t34"."cell",
        MAX("t34"."found") AS "found"
      FROM (
        SELECT
          "t33"."before" >> 32 AS "cell",
          (
            (
              "t33"."before" & 4294967295
            ) << 34
          ) | (
            (
              "t33"."event" >> 2
            ) & 17179869183
          ) AS "found"
        FROM (
          SELECT
            "t32"."event",
            "t32"."change",
            SUM("t32"."change") OVER (ORDER BY "t32"."event" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - "t32"."change" AS "before"
          FROM (
            SELECT
              "t31"."event",
              CASE
                WHEN (
                  "t31"."event" & 3
                ) = 2
                THEN 1
                WHEN (
                  "t31"."event" & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS "change"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t27"."key" * 68719476736
                    ) + (
                      (
                        "t27"."since" - 1788220800
                      ) * 4
                    ) + 2 AS "event"
                  FROM "t26" AS "t27"
                  WHERE
                    (
                      "t27"."before" IS NULL
                    ) OR (
                      "t27"."since" > "t27"."before"
                    )
                ) AS "t28"
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t27"."key" * 68719476736
                    ) + (
                      (
                        "t27"."latest" - 1788220800
                      ) * 4
                    ) + 0 AS "event"
                  FROM "t26" AS "t27"
                  WHERE
                    (
                      "t27"."following" IS NULL
                    ) OR (
                      "t27"."following" > "t27"."latest"
                    )
                ) AS "t29"
              ) AS "t30"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    "t11"."key" * 68719476736
                  ) + (
                    (
                      "t11"."at" - 1788220800
                    ) * 4
                  ) + 1 AS "event"
                FROM "t10" AS "t11"
              ) AS "t17"
            ) AS "t31"
          ) AS "t32"
        ) AS "t33"
      ) AS "t34"
      GROUP BY
        1
    ) AS "t36"
    INNER JOIN (
      SELECT
        *
      FROM "t10" AS "t11"
      WHERE
        "t11"."period" >= 0
    ) AS "t15"
      ON "t36"."cell" = "t15"."cell"
  ) AS "t37"
  GROUP BY
    1,
    2
) AS "t38"
